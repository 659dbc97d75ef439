const http = require("node:http");

const page = () => `Hello from ${process.env.PAAS_APP} ${process.env.PAAS_RELEASE}, instance ${process.env.DYNO}.
${process.env.GREETING ?? "Set GREETING to see it here."}
`;

const server = http.createServer((request, response) => {
  response.setHeader("content-type", "text/plain; charset=utf-8");
  response.end(page());
});
server.listen(process.env.PORT, () => console.log(`listening on ${process.env.PORT}`));
process.on("SIGTERM", () => server.close(() => process.exit(0)));
