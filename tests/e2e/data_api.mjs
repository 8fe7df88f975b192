// The official AWS SDK against a gateway: each check is told as a line of JSON, {name, error?}.
//
// Run by data_api_test.py in a folder where @aws-sdk/client-rds-data is installed. The SDK is as
// it comes; only its endpoint and keys are ours.
import assert from 'node:assert/strict';
import {setTimeout as sleep} from 'node:timers/promises';
import {
  BatchExecuteStatementCommand, BeginTransactionCommand, CommitTransactionCommand,
  ExecuteSqlCommand, ExecuteStatementCommand, RDSDataClient, RollbackTransactionCommand,
} from '@aws-sdk/client-rds-data';

const told = JSON.parse(process.argv[2]);
const arns = {resourceArn: told.resource, secretArn: told.secret};

function clientFor(more = {}) {
  return new RDSDataClient({
    endpoint: told.endpoint, region: 'eu-north-1', maxAttempts: 1,
    credentials: {accessKeyId: told.id, secretAccessKey: told.key}, ...more});
}
const client = clientFor();

const execute = (sql, more = {}, by = client) =>
  by.send(new ExecuteStatementCommand({...arns, sql, ...more}));
const batch = (sql, parameterSets, more = {}) =>
  client.send(new BatchExecuteStatementCommand({...arns, sql, parameterSets, ...more}));
const begin = async (more = {}) =>
  (await client.send(new BeginTransactionCommand({...arns, ...more}))).transactionId;
const commit = (transactionId, more = {}) =>
  client.send(new CommitTransactionCommand({...arns, transactionId, ...more}));
const rollback = (transactionId) =>
  client.send(new RollbackTransactionCommand({...arns, transactionId}));
const one = (name, value, typeHint) => ({parameters: [{name, value, typeHint}]});
const field = async (sql, more) => (await execute(sql, more)).records[0][0];

async function refused(promise, name, status, words = '') {
  try {
    await promise;
  } catch (error) {
    assert.equal(error.name, name, `${error.name}: ${error.message}`);
    assert.equal(error.$metadata.httpStatusCode, status);
    assert.ok(error.message.includes(words), error.message);
    assert.match(error.$metadata.requestId ?? '', /^[0-9a-f-]{36}$/);
    return error;
  }
  assert.fail(`${name} was expected`);
}

const checks = {
  async every_type_of_a_result() {
    const cases = [
      ['7::int2', {longValue: 7}], ['7::int4', {longValue: 7}], ['7::int8', {longValue: 7}],
      ['1.5::float4', {doubleValue: 1.5}], ['1.5::float8', {doubleValue: 1.5}],
      ['true', {booleanValue: true}], ['1.50::numeric', {stringValue: '1.50'}],
      ["'a'::text", {stringValue: 'a'}], ["'a'::varchar(9)", {stringValue: 'a'}],
      ["'{\"a\": 1}'::json", {stringValue: '{"a": 1}'}],
      ["'{\"a\":1}'::jsonb", {stringValue: '{"a": 1}'}],
      ["'00000000-0000-4000-8000-000000000001'::uuid",
        {stringValue: '00000000-0000-4000-8000-000000000001'}],
      ["'2026-11-23'::date", {stringValue: '2026-11-23'}],
      ["'10:20:30.5'::time", {stringValue: '10:20:30.5'}],
      ["'2026-11-23 10:20:30.123456'::timestamp", {stringValue: '2026-11-23 10:20:30.123456'}],
      ["'2026-11-23 10:20:30+02'::timestamptz", {stringValue: '2026-11-23 08:20:30'}],
      ["'\\x000102'::bytea", {blobValue: new Uint8Array([0, 1, 2])}],
      ['null::int', {isNull: true}],
      ["'{1,2}'::int[]", {arrayValue: {longValues: [1, 2]}}],
      ["'{1.5}'::float8[]", {arrayValue: {doubleValues: [1.5]}}],
      ["'{t,f}'::bool[]", {arrayValue: {booleanValues: [true, false]}}],
      ["array['a b', 'c\"d']", {arrayValue: {stringValues: ['a b', 'c"d']}}],
      ["'NaN'::float8", {doubleValue: NaN}], ["'-Infinity'::float8", {doubleValue: -Infinity}],
    ];
    const answer = await execute(`select ${cases.map(([sql]) => sql).join(', ')}`);
    assert.equal(answer.numberOfRecordsUpdated, 0);
    for (const [i, [sql, expected]] of cases.entries()) {
      const got = answer.records[0][i];
      if (got.blobValue) got.blobValue = new Uint8Array(got.blobValue);
      assert.deepEqual(got, expected, sql);
    }
  },

  async every_kind_of_parameter() {
    assert.deepEqual(await field('select :v', one('v', {longValue: 7})), {longValue: 7});
    assert.deepEqual(await field('select :v', one('v', {doubleValue: 0.1})), {doubleValue: 0.1});
    assert.deepEqual(await field('select :v', one('v', {booleanValue: false})),
      {booleanValue: false});
    assert.deepEqual(await field('select :v', one('v', {stringValue: 'ä:b\'"\\'})),
      {stringValue: 'ä:b\'"\\'});
    assert.deepEqual(await field('select :v::int', one('v', {isNull: true})), {isNull: true});
    const blob = await field('select :v', one('v', {blobValue: new Uint8Array([0, 255])}));
    assert.deepEqual([...blob.blobValue], [0, 255]);
    await refused(execute('select :v', one('v', {arrayValue: {longValues: [1]}})),
      'BadRequestException', 400, 'Array parameters are not supported.');
    assert.deepEqual(await field("select ':v', :v::text, /* :v */ '{1,2,3}'::int[] -- :v",
      one('v', {longValue: 1})), {stringValue: ':v'});
    assert.deepEqual(await field("select (array[1,2,3])[2:3]"), {arrayValue: {longValues: [2, 3]}});
  },

  async every_type_hint() {
    const hinted = (hint, text) =>
      field('select pg_typeof(:v)::text', one('v', {stringValue: text}, hint));
    assert.equal((await hinted('UUID', '00000000-0000-4000-8000-000000000001')).stringValue, 'uuid');
    assert.equal((await hinted('JSON', '{"a":1}')).stringValue, 'json');
    assert.equal((await hinted('DECIMAL', '1.5')).stringValue, 'numeric');
    assert.equal((await hinted('DATE', '2026-11-23')).stringValue, 'date');
    assert.equal((await hinted('TIME', '10:20:30.5')).stringValue, 'time without time zone');
    assert.equal((await hinted('TIMESTAMP', '2026-11-23 10:20:30')).stringValue,
      'timestamp without time zone');
    await refused(hinted('DATE', '23.11.2026'), 'BadRequestException', 400, 'YYYY-MM-DD');
    await refused(hinted('UUID', 'no'), 'DatabaseErrorException', 400, 'SQLState: 22P02');
    await refused(hinted('YEAR', '1'), 'ValidationException', 400, 'enum value set');
    await execute('create table hints (id uuid primary key, j jsonb)');
    const parameters = [
      {name: 'i', value: {stringValue: '00000000-0000-4000-8000-000000000001'}, typeHint: 'UUID'},
      {name: 'j', value: {stringValue: '{}'}, typeHint: 'JSON'}];
    const made = await execute('insert into hints values (:i, :j)', {parameters});
    assert.equal(made.numberOfRecordsUpdated, 1);
    assert.deepEqual(made.generatedFields, []);
    delete parameters[0].typeHint;
    await refused(execute('insert into hints values (:i, :j)', {parameters}),
      'DatabaseErrorException', 400, 'is of type uuid but expression is of type text');
  },

  async metadata_of_results() {
    await execute('create table meta (id bigserial primary key, name varchar(20),' +
                  ' price numeric(10,2) not null, tags text[])');
    await execute("insert into meta (price) values (1.5)");
    const {columnMetadata, records} =
      await execute('select id, name as label, price, tags, 1 + 1 as sum from meta where false',
        {includeResultMetadata: true});
    assert.deepEqual(records, []);
    const told = columnMetadata.map((one) => [one.name, one.typeName, one.type, one.nullable,
      one.tableName, one.isAutoIncrement, one.precision, one.scale, one.arrayBaseColumnType]);
    assert.deepEqual(told, [
      ['id', 'int8', -5, 0, 'meta', true, 19, 0, 0],
      ['label', 'varchar', 12, 1, 'meta', false, 20, 0, 0],
      ['price', 'numeric', 2, 0, 'meta', false, 10, 2, 0],
      ['tags', '_text', 2003, 1, 'meta', false, 2147483647, 0, 12],
      ['sum', 'int4', 4, 2, '', false, 10, 0, 0]]);
    assert.equal((await execute('select 1')).columnMetadata, undefined);
    const dml = await execute('delete from meta', {includeResultMetadata: true});
    assert.equal(dml.columnMetadata, undefined);
    assert.equal(dml.numberOfRecordsUpdated, 1);
  },

  async forms_of_results() {
    const resultSetOptions = {longReturnType: 'STRING', decimalReturnType: 'DOUBLE_OR_LONG'};
    const {records: [row]} = await execute(
      'select 9007199254740993::int8, 1.5::numeric, 2::numeric, 3::int4', {resultSetOptions});
    assert.deepEqual(row, [{stringValue: '9007199254740993'}, {doubleValue: 1.5}, {longValue: 2},
      {longValue: 3}]);
    const formatted = await execute("select 1 as a, 'x' as b, null as c, true as d, '{1}'::int[] e",
      {formatRecordsAs: 'JSON', includeResultMetadata: true});
    assert.deepEqual(JSON.parse(formatted.formattedRecords),
      [{a: 1, b: 'x', c: null, d: true, e: [1]}]);
    assert.equal(formatted.records, undefined);
    assert.equal(formatted.columnMetadata, undefined);
    assert.equal((await execute('select 1 where false', {formatRecordsAs: 'JSON'}))
      .formattedRecords, '[]');
  },

  async errors_of_the_database() {
    await execute('create table errors (id int primary key)');
    await execute('insert into errors values (1)');
    const error = await refused(execute('insert into errors values (1)'),
      'DatabaseErrorException', 400);
    assert.match(error.message, /^ERROR: duplicate key .*; Detail: .*; SQLState: 23505$/);
    await refused(execute('select * from nothing'), 'DatabaseErrorException', 400,
      'ERROR: relation "nothing" does not exist; Position: 15; SQLState: 42P01');
    await refused(execute('selec 1'), 'DatabaseErrorException', 400, 'SQLState: 42601');
    await refused(execute('copy errors to stdout'), 'DatabaseErrorException', 400, 'COPY');
    await refused(execute('select 1', {database: 'nowhere'}), 'DatabaseErrorException', 400,
      'SQLState: 3D000');
    await refused(execute('select :v', one('v', {stringValue: 'a\u0000b'})),
      'DatabaseErrorException', 400, '22021');
  },

  async errors_of_requests() {
    await refused(execute('select 1; select 2'), 'ValidationException', 400,
      "Multistatements aren't supported");
    await refused(execute('select :a'), 'BadRequestException', 400, 'Cannot find parameter: a');
    await refused(execute('select 1', one('a', {longValue: 1})), 'BadRequestException', 400, ':a');
    await refused(execute('begin'), 'BadRequestException', 400, 'BeginTransaction');
    await refused(execute("select 'a"), 'BadRequestException', 400, 'without its end');
    await refused(execute('select 1', {schema: 'x'}), 'BadRequestException', 400, 'schema');
    await refused(execute(' '.repeat(65537)), 'ValidationException', 400, '65536');
    await refused(execute('select 1', {resourceArn: 'short'}), 'ValidationException', 400, '11');
    await refused(execute('select 1', {resourceArn: 'arn:aws:rds:x:1:cluster:other'}),
      'DatabaseNotFoundException', 404, 'cluster:other');
    await refused(execute('select 1', {secretArn: 'arn:aws:secretsmanager:x:1:secret:other'}),
      'SecretsErrorException', 400, 'secret:other');
    await refused(client.send(new ExecuteSqlCommand({dbClusterOrInstanceArn: told.resource,
      awsSecretStoreArn: told.secret, sqlStatements: 'select 1'})),
    'UnknownOperationException', 404, 'removed');
  },

  async limits_of_requests_and_responses() {
    const {records} = await execute("select repeat('x', 60000) from generate_series(1, 17)");
    assert.equal(records.length, 17);
    await refused(execute("select repeat('x', 60000) from generate_series(1, 18)"),
      'UnsupportedResultException', 400, 'size limit');
    await refused(execute("select repeat('x', 65537)"), 'UnsupportedResultException', 400, 'row');
    await refused(execute("select '{{1},{2}}'::int[]"), 'UnsupportedResultException', 400);
    const large = {stringValue: 'x'.repeat(3 * 1024 * 1024)};
    assert.deepEqual(await field('select length(:v)', one('v', large)), {longValue: 3145728});
    await refused(execute('select :v', one('v', {stringValue: 'x'.repeat(4 * 1024 * 1024)})),
      'RequestEntityTooLargeException', 413);
  },

  async batches_are_all_or_nothing() {
    await execute('create table batches (id int8 primary key, name text)');
    const set = (id, name) => [{name: 'i', value: {longValue: id}},
      {name: 'n', value: name === null ? {isNull: true} : {stringValue: name}}];
    const sql = 'insert into batches values (:i, :n)';
    const made = await batch(sql, [set(1, 'a'), set(2, null), set(3, 'c')]);
    assert.deepEqual(made.updateResults, Array(3).fill({generatedFields: []}));
    await refused(batch(sql, [set(4, 'd'), set(1, 'again'), set(5, 'e')]),
      'DatabaseErrorException', 400, 'SQLState: 23505');
    assert.deepEqual(await field('select count(*) from batches'), {longValue: 3});
    assert.deepEqual((await batch(sql, [])).updateResults, []);
    assert.equal((await batch('delete from batches', undefined)).updateResults.length, 1);
    const many = Array.from({length: 5000}, (_, i) => set(i, `name ${i}`));
    assert.equal((await batch(sql, many)).updateResults.length, 5000);
    assert.deepEqual(await field('select count(*) from batches'), {longValue: 5000});
    const transactionId = await begin();
    await batch('update batches set name = :n where id = :i', [set(1, 'x'), set(2, 'x')],
      {transactionId});
    await rollback(transactionId);
    assert.deepEqual(await field("select count(*) from batches where name = 'x'"), {longValue: 0});
  },

  async transactions() {
    await execute('create table moves (id int primary key)');
    const first = await begin();
    await execute('insert into moves values (1)', {transactionId: first});
    assert.deepEqual(await field('select count(*) from moves'), {longValue: 0});
    assert.equal((await commit(first)).transactionStatus, 'Transaction Committed');
    assert.deepEqual(await field('select count(*) from moves'), {longValue: 1});
    await refused(commit(first), 'TransactionNotFoundException', 404, 'not found');
    const second = await begin({database: told.database});
    await execute('insert into moves values (2)', {transactionId: second});
    await refused(execute('select 1', {transactionId: second, database: 'other'}),
      'BadRequestException', 400, 'Database name');
    await refused(execute('select 1', {transactionId: second, secretArn: told.other}),
      'BadRequestException', 400, 'secretArn');
    await refused(execute('commit', {transactionId: second}), 'BadRequestException', 400);
    assert.equal((await rollback(second)).transactionStatus, 'Rollback Complete');
    assert.deepEqual(await field('select count(*) from moves'), {longValue: 1});
    await refused(execute('select 1', {transactionId: 'unknown'}), 'TransactionNotFoundException',
      404);
    const third = await begin();
    await refused(execute('insert into moves values (1)', {transactionId: third}),
      'DatabaseErrorException', 400, '23505');
    await refused(execute('select 1', {transactionId: third}), 'DatabaseErrorException', 400,
      '25P02');
    await refused(commit(third), 'DatabaseErrorException', 400, 'rolled back');
    await refused(rollback(third), 'TransactionNotFoundException', 404);
  },

  async one_statement_of_a_transaction_at_a_time() {
    const transactionId = await begin();
    const slow = execute('select pg_sleep(0.5)', {transactionId});
    await sleep(100);
    await refused(execute('select 1', {transactionId}), 'DatabaseErrorException', 400,
      'Transaction is still running a query');
    await slow;
    await execute('select 1', {transactionId});
    await rollback(transactionId);
  },

  async sessions_are_clean_for_the_next() {
    for (const sql of ["set application_name = 'mine'", 'create temporary table mine (a int)',
      'select pg_advisory_lock(77)', "select set_config('a.b', 'mine', false)",
      "set time zone 'Asia/Tokyo'", 'select U&"\\0070g_advisory_lock"(78)']) {
      await execute(sql);
    }
    const transactionId = await begin();
    await execute("set search_path = 'mine'", {transactionId});
    await commit(transactionId);
    for (let i = 0; i < 8; ++i) {
      const {records: [row]} = await execute(
        "select current_setting('application_name'), to_regclass('mine')::text," +
        " (select count(*) from pg_locks where locktype = 'advisory')," +
        " coalesce(current_setting('a.b', true), ''), current_setting('TimeZone')," +
        " current_setting('search_path')");
      assert.deepEqual(row, [{stringValue: 'hunt data-api'}, {isNull: true}, {longValue: 0},
        {stringValue: ''}, {stringValue: 'UTC'}, {stringValue: '"$user", public'}]);
    }
  },

  async secrets_are_roles() {
    assert.deepEqual(await field('select current_user::text'), {stringValue: 'hunt'});
    const reader = {secretArn: told.other};
    assert.deepEqual(await field('select current_user::text', reader), {stringValue: 'reader'});
    await execute('create table owned (id int)');
    await refused(execute('insert into owned values (1)', reader), 'DatabaseErrorException', 400,
      'SQLState: 42501');
    await refused(execute('select 1', {secretArn: told.nobody}), 'DatabaseErrorException', 400,
      'FATAL: role "nobody_here" does not exist; SQLState: 28000');
  },

  async signatures() {
    const by = (id, key, more = {}) =>
      clientFor({credentials: {accessKeyId: id, secretAccessKey: key, ...more}});
    await refused(execute('select 1', {}, by(told.id, 'wrong')), 'InvalidSignatureException', 403);
    await refused(execute('select 1', {}, by('AKIDSTRANGER', told.key)),
      'UnrecognizedClientException', 403);
    await execute('select 1', {}, by(told.shortId, told.shortKey, {sessionToken: told.token}));
    await refused(execute('select 1', {}, by(told.shortId, told.shortKey, {sessionToken: 'x'})),
      'UnrecognizedClientException', 403);
    await refused(execute('select 1', {}, by(told.shortId, told.shortKey)),
      'UnrecognizedClientException', 403);
    await refused(execute('select 1', {secretArn: told.other},
      by(told.shortId, told.shortKey, {sessionToken: told.token})), 'AccessDeniedException', 403);
    await refused(execute('select 1', {}, clientFor({region: 'us-east-1'})),
      'InvalidSignatureException', 403, 'region');
    const old = clientFor({systemClockOffset: -6 * 60 * 1000});
    await refused(execute('select 1', {}, old), 'InvalidSignatureException', 403, 'expired');
  },

  async what_is_changed_after_signing() {
    const changes = {
      body: (request) => {
        request.body = Buffer.from(request.body).toString().replace('select 1', 'select 2');
      },
      path: (request) => { request.path = '/BatchExecute'; },
      date: (request) => {
        const date = request.headers['x-amz-date'];
        request.headers['x-amz-date'] = `${date.slice(0, -2)}${date.at(-2) === '0' ? 1 : 0}Z`;
      },
      hash: (request) => { request.headers['x-amz-content-sha256'] = '0'.repeat(64); },
      more: (request) => { request.headers['x-amz-more'] = '1'; },
    };
    for (const [name, change] of Object.entries(changes)) {
      const changed = clientFor();
      changed.middlewareStack.add((next) => (args) => {
        change(args.request);
        return next(args);
      }, {step: 'finalizeRequest', priority: 'low', name});
      const expected = name === 'more' ? 'IncompleteSignatureException'
        : 'InvalidSignatureException';
      await refused(execute('select 1', {}, changed), expected, 403);
    }
  },

  async a_full_pool_is_told_once_and_late() {
    // Transactions may hold all but one.
    const held = await Promise.all(Array.from({length: told.connections - 1}, () => begin()));
    const slow = execute('select pg_sleep(12)');
    await sleep(300);
    const started = Date.now();
    const error = await refused(execute('select 1', {}, clientFor({maxAttempts: 2})),
      'ServiceUnavailableError', 503, 'in use');
    const seconds = (Date.now() - started) / 1000;
    assert.equal(error.$metadata.attempts, 2);
    // Two seconds of waiting, two that Retry-After asks for, and a second attempt that waits not.
    assert.ok(seconds > 3.5, `after ${seconds} s`);
    const waits = execute('select 1');
    await sleep(300);
    await rollback(held.pop());
    await waits;
    await Promise.all([slow, ...held.map(rollback)]);
  },
};

let failed = 0;
const wanted = process.argv.slice(3);
for (const [name, check] of Object.entries(checks)) {
  if (wanted.length && !wanted.includes(name)) continue;
  let error;
  try {
    await check();
  } catch (thrown) {
    error = thrown.stack;
    ++failed;
  }
  console.log(JSON.stringify({name, error}));
}
process.exit(failed ? 1 : 0);
