"""The services that carry mail, one file each; nothing else in the product talks to one."""
