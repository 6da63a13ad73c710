package token

import "math/big"

// rocaPrimes are the primes below 168 that tell the moduli of CVE-2017-15361
// (Nemec and others, "The Return of Coppersmith's Attack", 2017): modulo each of
// them such a modulus is a power of 65537.
var rocaPrimes = [...]int64{3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
	101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167}

// roca reports whether n has the structure of the flawed key generator. A sound
// modulus has it with a probability below 2^-27.
func roca(n *big.Int) bool {
	var m, rest big.Int
	for _, p := range rocaPrimes {
		want := rest.Mod(n, m.SetInt64(p)).Int64()
		found := false
		for power, i := int64(1), int64(0); i < p; i++ {
			if power == want {
				found = true
				break
			}
			power = power * 65537 % p
		}
		if !found {
			return false
		}
	}
	return true
}
