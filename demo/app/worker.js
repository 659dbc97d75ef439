const timer = setInterval(() => console.log("working"), 10_000);
console.log("the worker is up");
process.on("SIGTERM", () => clearInterval(timer));
