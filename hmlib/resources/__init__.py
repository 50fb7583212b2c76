"""What one can do with a declared kind: records, changes, list, form, API, bulk, history. (What a kind is: hmlib/kinds.)"""
