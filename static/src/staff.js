// The pages of staff. Everything works without this; it makes live what a press of a button would show too.
