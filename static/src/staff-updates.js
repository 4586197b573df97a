// Writing an update: a preview that follows, a draft that keeps itself, and marks at a press for the texts.
// Without this the buttons of the form do the same.

const PREVIEW_AFTER_MS = 600
const DRAFT_AFTER_MS = 1500
const TRY_AGAIN_AFTER_MS = 10000

// Why a draft was not kept, where the answer is a page of the door and not a sentence of ours.
const STILL_HERE = 'What you typed is still on this page.'
const TRIED_AGAIN = `The draft was not saved. ${STILL_HERE} We try again by ourselves; do not close it.`
const REFUSED = {
  403: `The draft was not saved: your role does not allow it any more. ${STILL_HERE} Copy it before you close the page.`,
  413: `The draft was not saved: it is too long. ${STILL_HERE} Shorten it.`
}

const form = document.querySelector('form[data-update]')
if (form) {
  for (const button of form.querySelectorAll('[data-without-script]')) button.hidden = true
  followWithPreview()
  keepDraft()
  for (const toolbar of form.querySelectorAll('[data-toolbar]')) offerMarks(toolbar)
}

function send (address, more) {
  return fetch(address, { method: 'POST', body: new FormData(form), ...more })
}

function followWithPreview () {
  let timer
  let asked
  const refresh = async () => {
    asked?.abort()
    asked = new AbortController()
    try {
      const answer = await send(form.dataset.previewAt, { signal: asked.signal })
      if (!answer.ok || answer.redirected) return
      const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html')
      for (const part of fresh.querySelectorAll('[data-preview]')) {
        const place = form.querySelector(`[data-preview="${part.dataset.preview}"]`)
        place.replaceChildren(...document.importNode(part, true).childNodes)
      }
    } catch {
      // The next pause tries again; the draft says when nobody can be reached.
    }
  }
  form.addEventListener('input', () => {
    clearTimeout(timer)
    timer = setTimeout(refresh, PREVIEW_AFTER_MS)
  })
}

function keepDraft () {
  const said = form.querySelector('[data-said]')
  let timer
  let isChanged = false // what is typed is kept nowhere yet
  let isAsking = false // a button was pressed, and the draft is kept first
  let isStuck = false // and the last time, it could not be
  let isLeaving = false // the form is on its way
  let hasLeft = false // and its one press has gone through
  let inTurn = Promise.resolve()

  const say = (state, sentence = '') => {
    isStuck = state !== ''
    if (said.textContent !== sentence) said.textContent = sentence
    for (const each of form.querySelectorAll('[data-said-when]')) each.hidden = each.dataset.saidWhen !== state
  }
  const attempt = async () => {
    clearTimeout(timer)
    isChanged = false
    try {
      const answer = await send(form.dataset.draftAt)
      if (answer.status === 401 || answer.redirected) {
        isChanged = true
        say('signed out')
        return 'signed out'
      }
      const told = answer.headers.get('content-type')?.startsWith('application/json') ? await answer.json() : null
      if (answer.ok) {
        say('', told?.said)
        return 'kept'
      }
      isChanged = true
      say('refused', told?.said ?? REFUSED[answer.status] ?? TRIED_AGAIN)
      // Those of the page itself know what is wrong: the form says it too, with all that was typed.
      if (answer.status === 422 && told) return 'to mend'
      if (!REFUSED[answer.status]) keepLater()
      return 'refused'
    } catch {
      isChanged = true
      say('away')
      keepLater()
      return 'away'
    }
  }
  // One after the other, so that an older text never comes after a newer one.
  const keep = () => {
    inTurn = inTurn.then(attempt)
    return inTurn
  }
  const keepLater = () => {
    clearTimeout(timer)
    timer = setTimeout(keep, TRY_AGAIN_AFTER_MS)
  }
  const keepAtLast = () => {
    if (!isChanged || isLeaving) return
    isChanged = false
    const wasNotKept = () => {
      isChanged = true
      keepLater()
    }
    send(form.dataset.draftAt, { keepalive: true })
      .then(answer => { if (!answer.ok || answer.redirected) wasNotKept() }, wasNotKept)
  }

  form.addEventListener('input', () => {
    isChanged = true
    clearTimeout(timer)
    timer = setTimeout(keep, DRAFT_AFTER_MS)
  })
  window.addEventListener('pagehide', keepAtLast)
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden') keepAtLast()
  })
  window.addEventListener('beforeunload', event => {
    // Only where nothing could be kept; all else is there when the form is opened again.
    if (isChanged && isStuck && !isLeaving) event.preventDefault()
  })
  // Before anything else hears of it: only the press that goes through counts.
  form.addEventListener('submit', async event => {
    if (isLeaving && !hasLeft) {
      hasLeft = true
      return
    }
    // Kept first: whoever was signed out meanwhile, or has lost the network, stays on the page with their text.
    event.preventDefault()
    event.stopImmediatePropagation()
    if (isAsking || isLeaving) return
    isAsking = true
    const came = await keep()
    isAsking = false
    if (came !== 'kept' && came !== 'to mend') return
    isLeaving = true
    hasLeft = false
    form.requestSubmit(event.submitter)
    // Where nothing came of it (somebody stopped the page), it can be pressed again: the server makes one update of it.
    setTimeout(stay, TRY_AGAIN_AFTER_MS)
  }, { capture: true })
  const stay = () => { isLeaving = false }
  window.addEventListener('pageshow', event => {
    if (event.persisted) stay()
  })
}

function offerMarks (toolbar) {
  const field = document.getElementById(toolbar.dataset.toolbar)
  const buttons = [...toolbar.querySelectorAll('button')]
  toolbar.hidden = false

  // One stop for the Tab key, arrows within: the pattern of toolbars.
  toolbar.addEventListener('keydown', event => {
    const now = buttons.indexOf(document.activeElement)
    const next = {
      ArrowRight: (now + 1) % buttons.length,
      ArrowLeft: (now - 1 + buttons.length) % buttons.length,
      Home: 0,
      End: buttons.length - 1
    }[event.key]
    if (next === undefined) return
    event.preventDefault()
    for (const [place, button] of buttons.entries()) button.tabIndex = place === next ? 0 : -1
    buttons[next].focus()
  })
  toolbar.addEventListener('click', event => {
    const mark = event.target.closest('button')?.dataset.mark
    if (mark) putMark(field, mark)
  })
}

const LINE_MARKS = { heading: () => '## ', list: () => '* ', numbers: place => `${place + 1}. `, inset: () => '^ ' }

function putMark (field, mark) {
  const { value, selectionStart: start, selectionEnd: end } = field
  const chosen = value.slice(start, end)
  if (mark === 'bold') {
    const words = chosen || 'words'
    replace(field, start, end, `**${words}**`, start + 2, start + 2 + words.length)
  } else if (mark === 'link') {
    const words = chosen || 'words'
    const address = start + words.length + 3
    replace(field, start, end, `[${words}](https://)`, address, address + 8)
  } else {
    // Whole lines, with an empty line before them, or they would belong to the paragraph above.
    const first = value.lastIndexOf('\n', start - 1) + 1
    const next = value.indexOf('\n', end)
    const last = next < 0 ? value.length : next
    const lines = value.slice(first, last).split('\n')
    const marked = lines.map((line, place) => LINE_MARKS[mark](place) + line).join('\n')
    const before = value.slice(0, first)
    const gap = !before.trim() || before.endsWith('\n\n') ? '' : '\n'
    const behind = first + gap.length + marked.length
    replace(field, first, last, gap + marked, behind, behind)
  }
}

function replace (field, from, to, text, selectFrom, selectTo) {
  field.focus()
  field.setSelectionRange(from, to)
  // The old command is the only one that Undo knows; where it is gone, the text is put in without.
  if (!document.execCommand('insertText', false, text)) {
    field.setRangeText(text, from, to)
    field.dispatchEvent(new Event('input', { bubbles: true }))
  }
  field.setSelectionRange(selectFrom, selectTo)
}
