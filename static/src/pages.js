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
