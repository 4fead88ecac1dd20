// The certified OpenID provider, with its own pages: `node server.mjs PORT WORLD HUB`.
// WORLD is a JSON file, read anew at each question: the people by their names, what they are, and what goes wrong:
//   {"people": {"ann": {"email": "ann@example.org", "email_verified": true, "groups": ["desk"]}}, "harm": ""}
// HUB is where the hub is, which alone may ask. Any password is right.
import { readFileSync } from 'node:fs';
import { Provider } from 'oidc-provider';

const [port, file, hub] = process.argv.slice(2);
const world = () => JSON.parse(readFileSync(file, 'utf8'));
const client = (id) => ({
  client_id: id,
  client_secret: `${id}-secret`,
  redirect_uris: [`${hub}/hub/oauth_callback`],
  grant_types: ['authorization_code', 'refresh_token'],
});

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [client('alphapulse'), client('another')],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'preferred_username', 'groups'] },
  clientAuthMethods: ['client_secret_basic', 'client_secret_post'],
  cookies: { keys: ['a key of the tests alone'] },
  ttl: { AccessToken: 10, IdToken: 600, RefreshToken: 3600, Grant: 3600, Session: 3600, Interaction: 600 },
  issueRefreshToken: async (_ctx, asking) => asking.grantTypeAllowed('refresh_token'),
  findAccount: async (_ctx, sub) => {
    const person = world().people[sub];
    return person && { accountId: sub, claims: async () => ({ sub, preferred_username: sub, ...person }) };
  },
});

// What a provider, or somebody between it and the hub, might send in place of the hub's own ID token.
const HARMS = {
  'for another application': async (ctx) => {
    const another = await provider.Client.find('another');
    const token = new provider.IdToken({ sub: ctx.oidc.account.accountId }, { ctx, client: another });
    token.scope = 'openid';
    return token.issue({ use: 'idtoken' });
  },
  'about another person': async (_ctx, token) => {
    const [head, claims, signature] = token.split('.');
    const said = { ...JSON.parse(Buffer.from(claims, 'base64url')), sub: 'somebody' };
    return [head, Buffer.from(JSON.stringify(said)).toString('base64url'), signature].join('.');
  },
  'signed by nobody': async (_ctx, token) => {
    const head = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url');
    return `${head}.${token.split('.')[1]}.`;
  },
  'left out': async () => undefined,
};

provider.use(async (ctx, next) => {
  const { harm } = world();
  if (harm === 'down') {
    ctx.status = 503;
    return;
  }
  await next();
  if (HARMS[harm] && ctx.path === '/token' && ctx.body?.id_token) {
    ctx.body.id_token = await HARMS[harm](ctx, ctx.body.id_token);
  }
  if (ctx.path === '/token') {
    const { params, entities } = ctx.oidc ?? {};
    const whose = entities?.Account?.accountId ?? entities?.RefreshToken?.accountId ?? 'nobody';
    console.log(`token ${params?.grant_type} ${ctx.status} ${whose} ${ctx.status < 400 ? '' : JSON.stringify(ctx.body)}`);
  }
});

provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
