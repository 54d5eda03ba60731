// A new user sets up what ten hosts ask for, on a running demo: from the text of the host's page, pasted, to records that the name
// server answers. Half of the hosts at phone width and half at desktop width, with scripts; then the other way round, without.
// Prints clicks and seconds for each.
import { answersEventually, demo, signIn } from './demo.mjs';
import { story } from './story.mjs';

/**
 * What a host's page says about the domain `base`, and what must be answered then: name below the domain, type, answers of
 * `dig +short`.
 */
const HOSTS = [
  {
    host: 'GitHub Pages',
    text: () => 'Type\tName\tValue\nCNAME\tblog\toctocat.github.io\nTXT\t_github-pages-challenge-octocat.blog\t8f2c61d09ab34e57c1d2e3f4a5b6c7',
    answers: [
      ['blog', 'CNAME', ['octocat.github.io.']],
      ['_github-pages-challenge-octocat.blog', 'TXT', ['"8f2c61d09ab34e57c1d2e3f4a5b6c7"']],
    ],
  },
  {
    host: 'Vercel',
    text: () => 'CNAME Record\tshop\t3f9a1c27be04d5.vercel-dns-017.com\tAutomatic',
    answers: [['shop', 'CNAME', ['3f9a1c27be04d5.vercel-dns-017.com.']]],
  },
  {
    host: 'Netlify',
    text: (base) => `Record Type: CNAME\nName / Host: docs.${base}\nContent: example-site.netlify.app`,
    answers: [['docs', 'CNAME', ['example-site.netlify.app.']]],
  },
  {
    host: 'Render',
    text: () => '| Type | Name | Value |\n| --- | --- | --- |\n| `CNAME` | `api` | `example-service.onrender.com` |',
    answers: [['api', 'CNAME', ['example-service.onrender.com.']]],
  },
  {
    host: 'Fly.io',
    text: (base) =>
      `A     fly.${base}  66.241.124.10\nAAAA  fly.${base}  2a09:8280:1::1a:2b3c\nCNAME _acme-challenge.fly.${base} fly.${base}.3kz9q.flydns.net.`,
    answers: [
      ['fly', 'A', ['66.241.124.10']],
      ['fly', 'AAAA', ['2a09:8280:1::1a:2b3c']],
      ['_acme-challenge.fly', 'CNAME', [(base) => `fly.${base}.3kz9q.flydns.net.`]],
    ],
  },
  {
    host: 'AWS Certificate Manager',
    text: (base) =>
      `Domain,Record Name,Record Type,Record Value\nfly.${base},_3639ac514e785e898d2646601fa951d5.fly.${base}.,CNAME,_98d2646601fa951d5.mhbtsbpdnt.acm-validations.aws.`,
    answers: [['_3639ac514e785e898d2646601fa951d5.fly', 'CNAME', ['_98d2646601fa951d5.mhbtsbpdnt.acm-validations.aws.']]],
  },
  {
    host: 'Resend',
    text: () =>
      'Type\tHost / Name\tValue\tPriority\nMX\tsend\tfeedback-smtp.eu-west-1.amazonses.com\t10\n' +
      'TXT\tsend\tv=spf1 include:amazonses.com ~all\t\nTXT\tresend._domainkey\tp=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC7\t',
    answers: [
      ['send', 'MX', ['10 feedback-smtp.eu-west-1.amazonses.com.']],
      ['send', 'TXT', ['"v=spf1 include:amazonses.com ~all"']],
      ['resend._domainkey', 'TXT', ['"p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC7"']],
    ],
  },
  {
    host: 'Minecraft',
    text: (base) => `mc 3600 IN A 192.0.2.25\n_minecraft._tcp 3600 IN SRV 0 5 25565 mc.${base}.`,
    answers: [
      ['mc', 'A', ['192.0.2.25']],
      ['_minecraft._tcp', 'SRV', [(base) => `0 5 25565 mc.${base}.`]],
    ],
  },
  {
    host: 'Bluesky',
    text: () => 'Host:\n_atproto\nType:\nTXT\nValue:\ndid=did:plc:ewvi7nxzyoun6zhxrhs64oiz',
    answers: [['_atproto', 'TXT', ['"did=did:plc:ewvi7nxzyoun6zhxrhs64oiz"']]],
  },
  {
    host: 'Google',
    text: () => 'google TXT google-site-verification=Zk3vQ0pT8sXw1yLr7uNcD5eFgH2iJ9mB4oAqC6tRvEw',
    answers: [['google', 'TXT', ['"google-site-verification=Zk3vQ0pT8sXw1yLr7uNcD5eFgH2iJ9mB4oAqC6tRvEw"']]],
  },
];

const WIDTHS = [360, 1280];

/** Pastes the host's text and saves what was read from it. Returns the number of clicks. */
async function paste(page, text) {
  let clicks = 0;
  const click = async (locator) => {
    await locator.click();
    clicks += 1;
  };
  await page.goto('/dns-records');
  await click(page.getByRole('main').getByRole('link', { name: 'Paste records' }));
  await page.getByRole('textbox').first().fill(text);
  await click(page.getByRole('button', { name: 'Read', exact: true }));
  await click(page.getByRole('button', { name: 'Save', exact: true }));
  await page.waitForURL('**/dns-records');
  return clicks;
}

// Five hosts ask for eight records, and the demo's limit is ten for a user.
const HALVES = [HOSTS.slice(0, 5), HOSTS.slice(5)];

for (const [users, options] of [
  [[['user1', 'user1pass'], ['user3', 'user3pass']], {}],
  [[['user2', 'user2pass'], ['han.solo', 'starchart']], { javaScriptEnabled: false }],
]) {
  const scripts = options.javaScriptEnabled !== false;
  const how = scripts ? 'with scripts' : 'without scripts';

  for (const [half, [user, password]] of users.entries()) {
    story(`a new user sets up five hosts ${how}: ${HALVES[half].map(({ host }) => host).join(', ')}`, options, async (page) => {
      await signIn(page, user, password, '/', { scripts });
      const base = `${user.replaceAll('.', '')}.${demo.root}`;
      for (const [at, { host, text, answers }] of HALVES[half].entries()) {
        const width = WIDTHS[(at + Number(scripts)) % WIDTHS.length];
        await page.setViewportSize({ width, height: 800 });
        const begun = performance.now();
        const clicks = await paste(page, text(base));
        for (const [name, type, expected] of answers) {
          const full = expected.map((answer) => (typeof answer === 'function' ? answer(base) : answer));
          await answersEventually(`${name}.${base}`, type, full, begun);
        }
        const seconds = ((performance.now() - begun) / 1000).toFixed(1);
        console.log(`${host}, ${width} px, ${how}: ${answers.length} records, ${clicks} clicks, ${seconds} s`);
      }
    });
  }
}
