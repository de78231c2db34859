/* A page with a run in it is a replay; any other talks to the gateway that it came from. */
const stored = JSON.parse(at("run").textContent);
const panels = new Panels();
window.victor = stored ? new Replay(stored, panels) : new Live(panels);
document.addEventListener("keydown", (event) => {
  const free = event.target === document.body || event.target === at("main") || event.target === at("time");
  if (event.key === " " && free && stored) { event.preventDefault(); at("play").click(); }
});
