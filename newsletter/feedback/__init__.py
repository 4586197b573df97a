"""What readers tell us: feedback, complaints about how we use their data, and who wants a copy on paper.

A stranger to subscribers: nothing here can be joined to a mailing list. Feedback names nobody; a contact is kept
sealed, and only where somebody has to be answered or posted something.
"""
