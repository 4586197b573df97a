// The pages of staff. Everything works without this; it makes live what a press of a button would show too.

// On a phone the menu is a button until it is pressed, as on GOV.UK. Where its script is missing all of it is shown.
const menu = document.querySelector('[data-module="govuk-service-navigation"]')
if (menu && window.GOVUKFrontend) new window.GOVUKFrontend.ServiceNavigation(menu)
