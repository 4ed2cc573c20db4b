// Servers for the tests of the standard protocol: one of the test's own site, and two of another. None is one that a user lets
// a page read.
const SAME_SITE = "https://{{domains[www1]}}:{{ports[https][0]}}";
const CROSS_SITE = "https://{{hosts[alt][]}}:{{ports[https][0]}}";
const CROSS_SITE_TOO = "https://{{hosts[alt][www2]}}:{{ports[https][0]}}";
const OTHER_PORT = "https://{{host}}:{{ports[https][1]}}";
const CROSS_SITE_INSECURE = "http://{{hosts[alt][]}}:{{ports[http][0]}}";
