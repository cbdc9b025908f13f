"""The front end: connections, requests, routes, answers. Tornado lives here, and in server.main."""
