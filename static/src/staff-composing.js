// Typing the words of an edition: counts that follow, and a question before what was typed is lost.

for (const count of document.querySelectorAll('[data-count]')) {
  const field = document.getElementById(count.dataset.countOf)
  const say = () => {
    const text = field.value.trim()
    const words = text ? text.split(/\s+/).length : 0
    count.textContent = count.dataset.count === 'words' ? `It has ${words} words.` : `It has ${field.value.length}.`
  }
  field.addEventListener('input', say)
  say()
}

for (const form of document.querySelectorAll('form[data-unsaved]')) {
  let isChanged = false
  form.addEventListener('input', () => { isChanged = true })
  form.addEventListener('submit', () => { isChanged = false })
  window.addEventListener('beforeunload', event => {
    if (isChanged) event.preventDefault()
  })
}
