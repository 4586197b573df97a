// Keeps the figures of an edition on its way up to date. Without this there is a link that shows the newest numbers.

const live = document.querySelector('[data-live]')
if (live && window.EventSource) {
  const bar = live.querySelector('progress')
  const sentence = live.querySelector('[data-figure="sentence"]')
  const spoken = live.querySelector('[data-spoken]')
  const fallback = live.querySelector('[data-fallback]')
  let tens = Math.floor(bar.value / 10)

  const source = new EventSource(live.dataset.live)
  const rest = () => {
    source.close()
    fallback.hidden = false
  }
  source.addEventListener('figures', event => {
    const figures = JSON.parse(event.data)
    if (figures.state !== live.dataset.state) {
      // Other things can be done now: the page itself knows which.
      source.close()
      location.reload()
      return
    }
    fallback.hidden = true
    bar.value = figures.percent
    sentence.textContent = figures.sentence
    for (const [state, number] of Object.entries(figures.counts)) {
      live.querySelector(`[data-count="${state}"]`).textContent = number
    }
    // Who listens to the page is told every tenth, not every second.
    if (Math.floor(figures.percent / 10) !== tens) {
      tens = Math.floor(figures.percent / 10)
      spoken.textContent = figures.sentence
    }
  })
  source.addEventListener('end', rest)
  source.addEventListener('error', rest)
}
