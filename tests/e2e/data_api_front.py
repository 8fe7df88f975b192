"""What stands before a gateway of the Data API and passes requests on, or answers by itself."""
import http.server


class PassesOn(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def body(self):
        return self.rfile.read(int(self.headers["Content-Length"]))

    def answer(self, status, body, name=""):
        """`name`: of the error, if it is one."""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if name:
            self.send_header("x-amzn-ErrorType", name)
        self.end_headers()
        self.wfile.write(body)

    def pass_on(self, there, body):
        """(status, body, error's name) of what answers at the other end of an HTTPConnection."""
        there.putrequest("POST", self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            there.putheader(name, value)
        there.endheaders(body)
        reply = there.getresponse()
        return reply.status, reply.read(), reply.headers.get("x-amzn-ErrorType", "")
