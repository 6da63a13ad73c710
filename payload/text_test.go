package payload

import (
	"net/url"
	"testing"
)

// texts are what people write where an API takes text: names of wallets, labels of orders, notes, strategies. By us.
var texts = []string{"John's main wallet", "Rent & utilities", "order #5 (test)", "Müller GmbH", "100% sure", "buy > sell", "select best price", "Wallet - cold; do not use", "drop shipping",
	"Alice <alice@example.com>", "https://example.com/callback?x=1", "http://example.com/hook", `C:\bots\run.exe`, `{"strategy":"grid","v":2}`, "O'Brien & Sons", "savings and loan",
	"it's 5 o'clock", "Tom & Jerry; Ltd.", "cost = 5 * (3+2)", "P@ss'w0rd!", "hello; world", "币安", "😀 moon", "a|b|c", "TP/SL @ 50k", "if price > 100 then sell", "Order by phone",
	"update my account", "1 or 2 coins", "50 or more", "cat food", "more or less", "x=y", "for (sale)", "Dr. No", "a; id=7", "Echo Ltd", "time & money", "dad's wallet; mum's wallet",
	"O''Neil", "name (old) - 'backup'", "Union Bank", "delete from list", "insert coin", "--", "n/a", "C++", "C#", "<none>", "grid_bot_v2.1/eth", "/home", "me@home.org", "file: statement.pdf",
	"invoice_2026-01.pdf", "my.cnf", "wp-admin", "ls", "ping me", "sleep well", "null", "true", "undefined", "NaN", "$100", "{{symbol}}", "%s", "%SYMBOL%", "strategy: rsi<30 && macd>0"}

// mistaken are more of them, that look like payloads to one rule or two.
var mistaken = []string{"union select committee", "../", "$HOME", "${price}"}

// TestTexts: free text is often suspicious and hardly ever found to attack; none reaches what makes a single call grave.
func TestTexts(t *testing.T) {
	f, e := &Filter{}, New(Config{})
	suspicious := 0
	for _, s := range texts {
		r := query(url.QueryEscape(s))
		if f.Suspicious(r) {
			suspicious++
			if found := e.Examine(r, nil); !found.Zero() {
				t.Errorf("%q: %+v", s, found)
			}
		}
	}
	for _, s := range mistaken {
		if found := e.Examine(query(url.QueryEscape(s)), nil); found.Score == 0 || found.Score >= 15 {
			t.Errorf("%q: %+v", s, found)
		}
	}
	t.Logf("%d of %d are suspicious, %d more are taken for payloads", suspicious, len(texts), len(mistaken))
}
