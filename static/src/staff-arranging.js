// Dragging updates and sections of an edition into another order, with a mouse or a finger. The buttons beside them do
// the same for everybody else. A drop is sent once; what comes back is the edition as it is now, whoever changed it.

const said = document.querySelector('[data-arranged]')
const isCalm = window.matchMedia('(prefers-reduced-motion: reduce)')
let sortables = []

const begin = () => {
  const desk = document.querySelector('[data-arrange]')
  if (!desk || !window.Sortable) return
  const areas = desk.querySelector('[data-areas]')
  sortables = [
    take(desk, areas, 'area', '.app-area'),
    ...[...areas.querySelectorAll('[data-updates]')].map(list => take(desk, list, 'update', '.app-card'))
  ]
  for (const grip of areas.querySelectorAll('[data-grip]')) grip.hidden = false
}

const take = (desk, list, what, draggable) => {
  const sortable = window.Sortable.create(list, {
    animation: isCalm.matches ? 0 : 150,
    chosenClass: 'app-held',
    draggable,
    forceFallback: true, // the same by mouse and by touch
    ghostClass: 'app-gap',
    handle: `[data-grip="${what}"]`,
    onEnd: async ({ item }) => {
      if (sortable.toArray().join() === before.join()) return
      const problem = await save(desk, item.dataset.id)
      if (!problem) return
      sortable.sort(before, !isCalm.matches)
      busy(desk, false)
      say(problem, true)
    }
  })
  const before = sortable.toArray()
  return sortable
}

/** Send the order that is on the page and show what there is then; the reason, if nothing could be shown. */
const save = async (desk, movedId) => {
  const cards = [...desk.querySelectorAll('[data-updates] [data-id]')]
  const body = new URLSearchParams({ revision: desk.dataset.revision, order: cards.map(card => card.dataset.id).join() })
  busy(desk, true)
  let answer, page
  try {
    answer = await fetch(desk.dataset.arrange, { method: 'POST', body })
    page = new DOMParser().parseFromString(await answer.text(), 'text/html')
  } catch {
    return 'The new order was not saved, because the website could not be reached. Try again in a moment.'
  }
  if (answer.status === 401) return 'The new order was not saved, because you were signed out. Load this page again to sign in.'
  const now = page.querySelector('.app-desk')
  if (!now) return 'The new order was not saved. Load this page again, and try once more.'
  const height = window.scrollY
  for (const sortable of sortables) sortable.destroy()
  desk.replaceWith(now)
  begin()
  window.scrollTo({ top: height, behavior: 'instant' })
  const refused = page.querySelector('.govuk-error-summary__list')
  say(refused ? refused.textContent.trim() : place(now, movedId), Boolean(refused))
  return ''
}

/** Where something stands now, for who cannot see it. */
const place = (desk, id) => {
  const moved = desk.querySelector(`[data-id="${id}"]`)
  const all = [...moved.parentElement.querySelectorAll(':scope > [data-id]')]
  return `Saved. “${moved.querySelector('[data-name]').textContent.trim()}” is now ${all.indexOf(moved) + 1} of ${all.length}.`
}

const busy = (desk, isBusy) => {
  desk.ariaBusy = isBusy
  for (const sortable of sortables) sortable.option('disabled', isBusy)
}

const say = (sentence, isProblem) => {
  said.classList.toggle('app-arranged--problem', isProblem)
  said.textContent = sentence
}

// It does not lie over what somebody does next.
for (const next of ['keydown', 'pointerdown']) document.addEventListener(next, () => say('', false))
begin()
