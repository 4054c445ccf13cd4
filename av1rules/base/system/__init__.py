"""What differs between Linux, macOS and Windows, one module a matter, each with all its ways.

Other code asks these modules and not the system. docs/install.md says which ways have been run.
"""
