// The forms of events and answers. Fields that belong to some choices of a question are hidden while another choice is
// made and nothing stands in them; without this they are all there, and their hints say when to fill them in.

for (const part of document.querySelectorAll('[data-when]')) {
  const [name, choices] = part.dataset.when.split(': ')
  const answers = choices.split(' ')
  const radios = document.querySelectorAll(`input[type="radio"][name="${name}"]`)
  const fields = [...part.querySelectorAll('input, textarea, select')]
  const show = () => {
    const chosen = [...radios].find(radio => radio.checked)
    const belongs = chosen && answers.includes(chosen.value.replaceAll(' ', '-'))
    part.hidden = !belongs && fields.every(field => !field.value.trim())
  }
  for (const radio of radios) radio.addEventListener('change', show)
  show()
}
