"""Compares what a gate says of a directory of migrations with what the real tool says, over trees of random shape.

`python -m survey` in tests/ makes trees (`trees`, in the `styles` of each tool), has the tools themselves apply a part
of each (`tools`, for which main.go, Main.java, node_tools.mjs and python_tools.py call their libraries), and compares
what they then call pending with how `gatekeeper schema --migrations` ends (`compare`). What is known to differ is in
`named`, with its reason.
"""
