// PostgreSQL with the schema of bench/before: where loot lies, and who has got what. Statements are
// named, so that they are parsed once a connection, and for many at once.
import { rollItem, tileId } from '../before/items.mjs'
import { pg } from './drivers.mjs'
import { together } from './together.mjs'

const CONNECTIONS = 2 // of each worker
const CLAIMS_MAX = 256 // in one statement
const LISTS_MAX = 32
export const NOTHING = { outcome: 'nothing' }
export const SOLD_OUT = { outcome: 'sold_out' }

const tilesOf = (positions) => positions.map(({ x, y }) => tileId(x, y))

export class Ledger {
  constructor(url) {
    this.pool = new pg.Pool({ connectionString: url, max: CONNECTIONS })
    const limits = { most: CLAIMS_MAX, calls: CONNECTIONS }
    this.claim = together((claims) => this.decide(claims), limits)
    this.keep = together((grants) => this.insert(grants), limits)
    this.seek = together((lists) => this.find(lists), { most: LISTS_MAX, calls: CONNECTIONS })
  }

  query(name, text, values) {
    return this.pool.query({ name, text, values, rowMode: 'array' })
  }

  // Every tile with loot, also where nothing is left: who has won there is told so again.
  async tiles() {
    const { rows } = await this.query('tiles', 'SELECT tile_id FROM loot_tiles WHERE world_id = 1')
    return rows.map(([tile]) => Number(tile))
  }

  // One function of the database (bench/before/schema.sql) decides claims by the set.
  async decide(claims) {
    const { rows: [[items]] } = await this.query('claim',
      'SELECT claim($1::bigint[], $2::uuid[], $3::text[])',
      [tilesOf(claims), claims.map(({ player }) => player), claims.map(rollItem)])
    return items.map((item) => (item === null ? SOLD_OUT : { outcome: 'granted', item }))
  }

  // Writes what somebody else decided; a row that is there stays. In one order, since another worker
  // may write the same rows. Resolves after the commit.
  async insert(grants) {
    await this.query('keep', `INSERT INTO grants (world_id, tile_id, player, item)
      SELECT 1, * FROM unnest($1::bigint[], $2::uuid[], $3::text[]) AS g(tile, player, item)
      ORDER BY tile, player ON CONFLICT DO NOTHING`,
    [tilesOf(grants), grants.map(({ player }) => player), grants.map(({ item }) => item)])
    return grants
  }

  // For each list of positions the tiles with loot among them.
  async find(lists) {
    const { rows } = await this.query('find',
      'SELECT tile_id FROM loot_tiles WHERE world_id = 1 AND tile_id = ANY ($1::bigint[])',
      [lists.flatMap(tilesOf)])
    const found = new Set(rows.map(([tile]) => Number(tile)))
    return lists.map(() => found)
  }
}
