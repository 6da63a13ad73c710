package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestScraping(t *testing.T) { detecttest.Run(t, Scraping) }
