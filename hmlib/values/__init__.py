"""What a field can hold: types of value that read what people, files and programs say, and write it for each of them."""
