// Further targets that the user allows once, for tests that leave something behind at a target.
const REMEMBERING = "https://{{hosts[alt][élève.www]}}:{{ports[https][0]}}";
const CLEARING = "https://{{hosts[alt][www.www]}}:{{ports[https][0]}}";
