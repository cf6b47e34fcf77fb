"""How a request reaches the agent: in process (``local``), over SSH, or printed."""
