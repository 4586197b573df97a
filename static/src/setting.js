// Finds a school while its name is being typed, by asking our own server. Without scripts the field is sent as it is,
// and the next page asks which of the schools found is meant.
/* global accessibleAutocomplete */
const field = document.querySelector('input#school[data-search]')
const number = document.querySelector('input[name="school"]')
if (field && number && window.accessibleAutocomplete) {
  const described = (field.getAttribute('aria-describedby') || '').split(' ').filter(Boolean)
  const invalid = field.classList.contains('govuk-input--error')
  const place = document.createElement('div')
  const labelOf = school => (school ? school.label || school : '')
  const escaped = text => {
    const element = document.createElement('i')
    element.textContent = text
    return element.innerHTML
  }

  let waiting, asking
  let isSearching = false
  // Until the server has answered nobody knows what is not in the list.
  const nothing = () => isSearching ? 'Searching…' : 'Not in the list. You can leave it as you typed it.'
  const find = (typed, show) => {
    clearTimeout(waiting)
    if (asking) asking.abort()
    asking = new AbortController()
    const { signal } = asking
    isSearching = true
    const answerWith = schools => {
      if (signal.aborted) return
      isSearching = false
      show(schools)
    }
    waiting = setTimeout(async () => {
      try {
        const answer = await fetch(`${field.dataset.search}?q=${encodeURIComponent(typed)}`, { signal })
        answerWith(answer.ok ? await answer.json() : [])
      } catch (error) {
        answerWith([]) // the form works without the search
      }
    }, 150)
  }

  field.replaceWith(place)
  accessibleAutocomplete({
    element: place,
    id: 'school',
    name: 'school_name',
    source: find,
    defaultValue: field.value,
    autoselect: false,
    showAllValues: false,
    minLength: 2,
    confirmOnBlur: false,
    inputClasses: invalid ? 'govuk-input--error' : null,
    templates: { inputValue: labelOf, suggestion: school => escaped(labelOf(school)) },
    tNoResults: nothing,
    tStatusNoResults: nothing,
    tAssistiveHint: () => 'When results are available use up and down arrows to review and enter to select.',
    // The number counts only together with its own name, so it need not be taken away when the name is changed.
    onConfirm: school => { if (school && school.urn) number.value = school.urn }
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
}
