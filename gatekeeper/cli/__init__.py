"""The command line: options, the gates, the desk. The only folder that imports typer."""
