// A program whose types and paths come from docs/openapi.yaml alone; prints one JSON object.
// Arguments: URL, the game servers' token, the admin token. Compiled strictly by openapi_test.py.
import createClient from "openapi-fetch";
import type { components, paths } from "./hunt_api.js";

declare const process: { argv: string[] };

type Outcome = components["schemas"]["PositionOutcome"];
type StreamGrant = components["schemas"]["StreamGrant"];

const [url, gameToken, adminToken] = process.argv.slice(2) as [string, string, string];
const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });
const game = createClient<paths>({ baseUrl: url, ...bearer(gameToken) });
const admin = createClient<paths>({ baseUrl: url, ...bearer(adminToken) });
const nobody = createClient<paths>({ baseUrl: url });

const must = <T,>(answer: { data?: T; error?: unknown; response: Response }): T => {
  if (answer.data === undefined) {
    throw new Error(`${answer.response.url}: ${answer.response.status} ${JSON.stringify(answer.error)}`);
  }
  return answer.data;
};

const player = "00000000-0000-4000-8000-00000000000a";
const tiles = [{ x: 10, y: -3, table: "starlight", budget: 1 }];
const world = { path: { world: "demo" } };
const buried = must(await admin.PUT("/v1/worlds/{world}/tiles", { params: world, body: { tiles } }));
const listed = must(await admin.GET("/v1/worlds/{world}/tiles", {
  params: { ...world, query: { x0: 0, y0: -9, x1: 20, y1: 9 } } }));
const told = must(await game.POST("/v1/positions", {
  params: { query: { wait: "terminal" } },
  body: { world: 1, positions: [{ player, x: 10, y: -3, kind: "dig" }] } }));
const first: Outcome | undefined = told.outcomes[0];
if (first?.claim === undefined) throw new Error(`no claim: ${JSON.stringify(told)}`);
const claim = must(await game.GET("/v1/claims/{claim}", { params: { path: { claim: first.claim } } }));
const grants = must(await game.GET("/v1/grants", { params: { query: { after: "0", limit: 10 } } }));
const stats = must(await game.GET("/v1/stats"));
const worlds = must(await game.GET("/v1/worlds"));
const map = must(await game.GET("/v1/map"));
const ready = must(await nobody.GET("/readyz"));
const metrics = must(await game.GET("/metrics", { parseAs: "text" }));
const refused = await nobody.GET("/v1/stats");
const closed = must(await admin.DELETE("/v1/worlds/{world}/tiles", {
  params: world, body: { tiles: [{ x: 10, y: -3 }] } }));

// What a grant of the stream looks like to a compiler.
const shown: StreamGrant | undefined = grants.grants[0] && {
  grant: { ...grants.grants[0] }, next: grants.next };

console.log(JSON.stringify({
  buried: buried.buried, listed: listed.tiles.length, outcome: first.outcome, items: first.items,
  claim: claim.claim === first.claim, grants: grants.grants.map((one) => one.claim === first.claim),
  shown: shown?.grant.outcome, streams: stats.http.streams, worlds: worlds.worlds.map((one) => one.name),
  shards: map.shards, ready: ready.ready, metrics: metrics.includes("hunt_positions_total"),
  refused: refused.response.status, code: refused.error?.error.code, closed: closed.closed }));
