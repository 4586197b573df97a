"""From content to mail: Markdown and templates in, subject, HTML, text and MIME out. Knows no database."""
