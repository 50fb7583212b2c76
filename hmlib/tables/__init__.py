"""Tables as files: cells, dates, CSV and XLSX, read and written."""
