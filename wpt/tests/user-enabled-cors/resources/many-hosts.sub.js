// Origins of one registrable domain, which is another site than the test's.
const MANY_ORIGINS = ["www", "www1", "www2"].flatMap((outer) =>
  ["", "www.", "www1.", "www2."].flatMap((inner) =>
    ["{{ports[https][0]}}", "{{ports[https][1]}}", "{{ports[https-public][0]}}"].map((port) => `https://${inner}${outer}.{{hosts[alt][]}}:${port}`)
  )
);

// Another site than that, and of the same site as the test.
const SAME_SITE = "https://{{hosts[][www1]}}:{{ports[https][0]}}";
const SAME_SITE_LOCAL = "https://{{hosts[][www1]}}:{{ports[https-private][0]}}";

// ANSWERS.once at another port.
const OTHER_PORT = "https://{{hosts[alt][www1.www]}}:{{ports[https][1]}}";
