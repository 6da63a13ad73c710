package payload

// Payloads can do without any special byte but for one that trading uses too: `1 or 1=1`, `../x`, `http://169.254.169.254`,
// `.env`, `shell_exec`. So what stands behind such a byte is held against a few words, without regard to case. A word that
// ends in a space wants the end of a word there.

// words holds the words by the byte before them and their first byte.
var words = newWords(map[byte][]string{
	'.': {".", "env", "git", "svn", "hg/", "ht", "ssh", "bash", "aws", "docker", "npmrc", "php", "asp", "jsp", "cgi", "ini ", "bak ", "exe ", "cmd ", "bat ",
		"sh ", "pl ", "conf", "lang.", "util.", "net.", "io.", "runtime", "sqlite", "sql ", "log ", "shadow", "passwd", "prototype", "constructor", "cookie",
		"inner", "location", "write", "exec", "spawn", "apache.", "springframework", "class.", "mozilla.", "script", "sun.", "omg.", "opensymphony", "processbuilder", "io ", "internal/", "svc.", "localdomain"},
	'/': {".", "etc/", "bin/", "sbin/", "proc/", "var/", "usr/", "home/", "root/", "tmp/", "dev/", "sys/", "opt/", "boot/", "windows/", "winnt/",
		"web-inf", "wp-", "phpmyadmin", "*"},
	'[': {"prototype", "constructor", "_", "on"},
	':': {"/", "alert", "expression", "\\"},
	'%': {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f", "u"}, // encoded twice
	'_': {"_", "exec", "exec ", "popen", "open ", "contents", "decode", "encode", "fopen", "include", "filter", "schema", "catalog", "func ", "user_func",
		"get ", "post ", "request", "server", "cookie", "session", "files", "env ", "proto", "include", "prepend", "append", "basedir", "get_contents", "put_contents",
		"shell", "cmdshell", "sleep", "read", "replace", "function", "version", "global", "init ", "load"},
	' ': {"or ", "and ", "xor ", "not ", "union ", "select ", "insert ", "update ", "delete ", "drop ", "alter ", "create ", "truncate ", "exec ", "execute ",
		"from ", "where ", "having ", "group ", "order ", "like ", "rlike ", "regexp ", "between ", "in ", "is ", "as ", "into ", "set ", "values ", "waitfor ", "delay ",
		"sleep ", "benchmark ", "procedure ", "div ", "mod ", "sounds ", "return ", "print ", "echo ", "-", "#", "*", "/", "!", "=",
		"cat ", "ls ", "id ", "nc ", "curl ", "wget ", "ping ", "bash ", "sh ", "whoami ", "uname ", "python", "perl ", "php ", "ruby ", "net ", "dir ", "type ", "cmd",
		"powershell", "on", "style", "src", "href", "http"},
})

// heads are words that such a byte ends: schemes, objects, and what begins a statement or command.
var heads = newWords(map[byte][]string{
	':': {"javascript", "vbscript", "livescript", "data", "file", "php", "expect", "phar", "zip", "gopher", "dict", "ldap", "jar", "glob", "view-source",
		"classpath", "netdoc", "jndi", "url"},
	'.': {"java", "javax", "processbuilder", "process", "module", "global", "document", "window", "mysql"},
	'/': {"bin", "etc", "proc", "localhost"},
	'[': {"process", "require", "constructor", "this", "global"},
	'?': {"http", "https", "ftp", "ftps", "file"},
	' ': {"alias", "if", "case", "select", "insert", "update", "delete", "drop", "alter", "create", "union", "exec", "execute", "declare", "waitfor", "cat", "ls", "nc", "curl", "wget",
		"ping", "bash", "sh", "uname", "python", "perl", "php", "ruby", "echo", "print", "powershell", "cmd", "rm", "chmod", "chown", "sudo", "eval", "nslookup", "dig", "traceroute", "telnet",
		"ssh", "time", "nmap", "kill", "ps", "ifconfig", "netstat", "whois", "busybox", "grep", "find", "sed", "awk", "tail", "head", "more", "less", "env", "set", "export", "delete", "import", "require"},
})

// wordList holds words by their first byte in lower case.
type wordList [256][]string

func newWords(all map[byte][]string) *[256]*wordList {
	lists := &[256]*wordList{}
	for c, words := range all {
		l := &wordList{}
		for _, w := range words {
			l[w[0]] = append(l[w[0]], w)
		}
		lists[c] = l
	}
	return lists
}

// anchored looks at what stands beside the bytes of class anchor. No other but harmless bytes are in s.
func anchored(s string) bool {
	start := 0 // of the word before
	for i := 0; i < len(s); i++ {
		c := s[i]
		if plainTable[c]&anchor == 0 {
			if c == '=' || c == ',' {
				start = i + 1
			}
			continue
		}
		if i+1 < len(s) {
			if l := words[c]; l != nil && follows(s[i+1:], l[lower(s[i+1])]) {
				return true
			}
		}
		if l := heads[c]; l != nil && i > start && is(s[start:i], l[lower(s[start])]) {
			return true
		}
		start = i + 1
	}
	return false
}

// follows reports whether s begins with one of the words.
func follows(s string, words []string) bool {
	for _, w := range words {
		n := len(w)
		if whole := w[n-1] == ' '; whole {
			n--
			if len(s) > n && alphanumeric(s[n]) {
				continue
			}
		}
		if len(s) >= n && equal(s[:n], w[:n]) {
			return true
		}
	}
	return false
}

// is reports whether s is one of the words.
func is(s string, words []string) bool {
	for _, w := range words {
		if len(s) == len(w) && equal(s, w) {
			return true
		}
	}
	return false
}

// equal compares with a word in lower case.
func equal(s, word string) bool {
	for i := 0; i < len(s); i++ {
		if lower(s[i]) != word[i] {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c | 0x20
	}
	return c
}

func alphanumeric(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' }
