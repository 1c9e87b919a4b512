"""Mail: the doors to IMAP and MIME, and mail that lies in files."""
