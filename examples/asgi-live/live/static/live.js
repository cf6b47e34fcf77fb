const show = (id, text) => { document.getElementById(id).textContent = text; };

// An event source comes back by itself when the app is replaced.
const events = new EventSource("/events");
events.addEventListener("hello", (event) => show("version", JSON.parse(event.data).version));
events.addEventListener("people", (event) => show("people", JSON.parse(event.data).people));
events.addEventListener("tick", (event) => {
  show("time", new Date(JSON.parse(event.data).time).toLocaleTimeString());
});

// A WebSocket does not.
let socket;
function connect() {
  socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/talk");
  socket.onmessage = (event) => {
    const message = JSON.parse(event.data);
    if (message.kind !== "said") return;
    const line = document.createElement("li");
    line.textContent = message.text;
    document.getElementById("said").append(line);
  };
  socket.onclose = () => setTimeout(connect, 1000);
}
connect();

document.getElementById("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const input = event.target.querySelector("input");
  if (socket.readyState !== WebSocket.OPEN) return;
  socket.send(input.value);
  input.value = "";
});
