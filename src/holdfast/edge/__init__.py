"""The edge: nginx with our Lua, in front of every app of a machine."""
