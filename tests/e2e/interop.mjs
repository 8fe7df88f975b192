// What a program with nats.js sees; prints one JSON object. Arguments: NATS URL, x, y of loot.
import { connect, JSONCodec, headers } from "nats";

const [url, x, y] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const json = JSONCodec();
const player = (n) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const batch = (n, more = {}) => json.encode({
  world: 1, positions: [{ player: player(n), x, y, kind: "dig" }], ...more });
const next = async (subscription) => {
  for await (const message of subscription) return message;
};

const nc = await connect({ servers: url, timeout: 5000 });
const seen = {};
const ask = async (subject, body) => json.decode((await nc.request(subject, body, { timeout: 5000 })).data);

seen.asked = await ask("hunt.ask.any", batch(1, { wait: "terminal" }));
seen.wrong = await ask("hunt.ask.any", json.encode({ world: 1, positions: [{ player: "x" }] }));
seen.map = await ask("hunt.map", new Uint8Array());
seen.ping = await ask("$SRV.PING.hunt", new Uint8Array());

const js = nc.jetstream();
const outcomes = nc.subscribe("game.outcomes", { max: 1 });
const invalidations = nc.subscribe("hunt.inval.*", { max: 1 });
const stored = await js.publish("hunt.pos.any", batch(2, { reply_to: "game.outcomes" }), { msgID: "a" });
seen.stored = { stream: stored.stream, duplicate: stored.duplicate };
seen.again = (await js.publish("hunt.pos.any", batch(2), { msgID: "a" })).duplicate;
seen.outcomes = json.decode((await next(outcomes)).data);
seen.invalidated = (await next(invalidations)).subject;

const h = headers();
h.set("Nats-Msg-Id", "garbage");
await js.publish("hunt.pos.any", new TextEncoder().encode("{no json"), { headers: h });
const manager = await nc.jetstreamManager();
const wait = async (stream, holds) => {
  for (let i = 0; i < 100; ++i) {
    const info = await manager.streams.info(stream);
    if (holds(info.state.messages)) return info.state.messages;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${stream} does not get there`);
};
await wait("HUNT_DLQ", (count) => count >= 1);
await wait("HUNT_CLAIMS", (count) => count >= 2);
seen.dead = new TextDecoder().decode((await manager.streams.getMessage("HUNT_DLQ", { seq: 1 })).data);
seen.claims = [];
for (const seq of [1, 2]) {
  const kept = await manager.streams.getMessage("HUNT_CLAIMS", { seq });
  seen.claims.push({ subject: kept.subject, id: kept.header.get("Nats-Msg-Id"), ...json.decode(kept.data) });
}
await nc.close();
console.log(JSON.stringify(seen));
