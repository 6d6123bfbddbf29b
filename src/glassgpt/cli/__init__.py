"""The program `glassgpt`: one file for each verb, imported when it is used."""
