// A proxy that reaches all servers of these tests, which WPT's own server has not. Requests that it makes are recorded with
// `connection.isProxied`.
const EGRESS = "http://127.0.0.1:{{ports[proxy][0]}}";
