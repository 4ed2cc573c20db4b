// The same hosts as ANSWERS.once, ANSWERS.visit and ANSWERS.notNow, where they speak HTTP/2.
const H2_ONCE = "https://{{hosts[alt][www1.www]}}:{{ports[h2][0]}}";
const H2_VISIT = "https://{{hosts[alt][www1.www1]}}:{{ports[h2][0]}}";
const H2_NOT_NOW = "https://{{hosts[alt][]}}:{{ports[h2][0]}}";
