// Turns the long list of schools into a field that finds while you type. Without scripts the list itself is used.
/* global accessibleAutocomplete */
const select = document.querySelector('select#school')
if (select && window.accessibleAutocomplete) {
  const described = (select.getAttribute('aria-describedby') || '').split(' ').filter(Boolean)
  const invalid = select.classList.contains('govuk-select--error')
  const other = document.querySelector('#setting_name')
  const chosen = () => (select.value ? select.options[select.selectedIndex].text : '')

  accessibleAutocomplete.enhanceSelectElement({
    selectElement: select,
    defaultValue: chosen(),
    preserveNullOptions: false,
    autoselect: false,
    showAllValues: false,
    minLength: 2,
    confirmOnBlur: false,
    inputClasses: invalid ? 'govuk-input--error' : null,
    tNoResults: () => 'Not in the list. Write its name in the next box.',
    tAssistiveHint: () => 'When results are available use up and down arrows to review and enter to select.',
    onConfirm: name => {
      const option = Array.from(select.options).find(candidate => candidate.text === name)
      if (option) option.selected = true
    }
  })

  // The widget replaces what describes its input; the hint and the error message must stay connected to it.
  const input = document.querySelector('input#school')
  const connect = () => {
    const now = (input.getAttribute('aria-describedby') || '').split(' ').filter(Boolean)
    const all = [...new Set([...described, ...now])].join(' ')
    if (all && all !== input.getAttribute('aria-describedby')) input.setAttribute('aria-describedby', all)
  }
  connect()
  new MutationObserver(connect).observe(input, { attributes: true, attributeFilter: ['aria-describedby'] })

  // What was typed and is not in the list goes into the free text box, so that nothing typed is lost.
  select.form.addEventListener('submit', () => {
    const typed = input.value.trim()
    if (typed === chosen()) return
    select.value = ''
    if (typed && other && !other.value.trim()) other.value = typed
  })
}
