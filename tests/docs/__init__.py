"""The pages of docs/, the READMEs and what refers to them."""
