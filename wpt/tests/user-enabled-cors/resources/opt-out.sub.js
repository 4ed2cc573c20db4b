// Targets that the user allows once, each for one test, as what an opt-out leaves at a target stays.
const TARGETS = [
  "https://{{hosts[alt][www.www]}}",
  "https://{{hosts[alt][www2.www]}}",
  "https://{{hosts[alt][天気の良い日.www]}}",
  "https://{{hosts[alt][élève.www]}}",
].flatMap((host) => ["{{ports[https][0]}}", "{{ports[https][1]}}", "{{ports[https-public][0]}}"].map((port) => `${host}:${port}`));
