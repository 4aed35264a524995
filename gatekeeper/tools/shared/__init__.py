"""What the modules of the tools share: the record, events of rows, names of revisions, files of a directory."""
