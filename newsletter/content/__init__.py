"""What there is to tell: partners, priority areas and updates, before anybody chooses among them."""
