"""What a request carries: Request, Response, the Local and the Global Context."""
