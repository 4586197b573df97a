// Small helps for pages that work without them: nothing here sends a form.

// Take people who made a mistake straight to the list of what to mend.
const summary = document.querySelector('.govuk-error-summary, [data-focus]')
if (summary) {
  summary.setAttribute('tabindex', '-1')
  summary.addEventListener('blur', () => summary.removeAttribute('tabindex'), { once: true })
  summary.focus()
}

// A second press within a second is a slip, not a second request.
for (const form of document.querySelectorAll('form[method="post"]')) {
  let pressedAt = -Infinity
  form.addEventListener('submit', event => {
    if (event.timeStamp - pressedAt < 1000) event.preventDefault()
    else pressedAt = event.timeStamp
  })
}

for (const button of document.querySelectorAll('[data-print]')) {
  button.hidden = false
  button.addEventListener('click', () => window.print())
}

// The text is fetched when it is asked for; the page's policy allows requests to this server alone.
for (const button of document.querySelectorAll('[data-copy]')) {
  if (!navigator.clipboard || !window.ClipboardItem) continue
  const status = document.querySelector('[data-copy-status]')
  const fetched = () =>
    fetch(button.dataset.copy).then(response => {
      if (!response.ok) throw new Error(response.status)
      return response.text()
    })
  button.hidden = false
  button.addEventListener('click', () => {
    status.textContent = ''
    // As a promise, because Safari wants the clipboard touched in the same moment as the press.
    const text = fetched().then(words => new Blob([words], { type: 'text/plain' }))
    navigator.clipboard.write([new ClipboardItem({ 'text/plain': text })]).then(
      () => { status.textContent = button.dataset.copied },
      () => { status.textContent = button.dataset.failed }
    )
  })
}
