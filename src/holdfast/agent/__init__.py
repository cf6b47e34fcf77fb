"""The server's side: started for one request and gone with it, or run by a supervisor."""
