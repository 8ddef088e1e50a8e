"""What a study found: tables for the terminal, figures, and one self-contained HTML page."""
