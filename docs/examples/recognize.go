// go run recognize.go http://127.0.0.1:8888 imgs/sign.jpg [job]: needs only Go 1.18.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"
)

const tries = 4

type line struct {
	Text       string    `json:"text"`
	Confidence float64   `json:"confidence"`
	Box        [4][2]int `json:"box"`
}

type problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type answer struct {
	Data *struct {
		Lines []line `json:"lines"`
	} `json:"data"`
	Job *struct {
		State string   `json:"state"`
		URL   string   `json:"url"`
		Error *problem `json:"error"`
	} `json:"job"`
	Error *problem `json:"error"`
}

var client = &http.Client{Timeout: 2 * time.Minute}

// ask sends a request; it waits and retries while the server is busy.
func ask(method, url string, image []byte) (*answer, error) {
	for triesLeft := tries - 1; ; triesLeft-- {
		request, err := http.NewRequest(method, url, bytes.NewReader(image))
		if err != nil {
			return nil, err
		}
		if image != nil {
			request.Header.Set("Content-Type", "application/octet-stream")
		}
		response, err := client.Do(request)
		if err != nil {
			return nil, err
		}
		var found answer
		err = json.NewDecoder(response.Body).Decode(&found)
		response.Body.Close()
		if err != nil || response.StatusCode < 300 {
			return &found, err
		}
		if response.StatusCode != http.StatusServiceUnavailable || triesLeft == 0 {
			return nil, fmt.Errorf("%d %s: %s", response.StatusCode, found.Error.Code, found.Error.Message)
		}
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
		time.Sleep(time.Duration(seconds) * time.Second)
	}
}

// recognizeAsJob starts a job and fetches its result later.
func recognizeAsJob(server string, image []byte) (*answer, error) {
	found, err := ask("POST", server+"/ocr?block_flag=false", image)
	for err == nil && found.Data == nil {
		if state := found.Job.State; state == "failed" || state == "cancelled" {
			return nil, fmt.Errorf("job %s: %v", state, found.Job.Error)
		}
		found, err = ask("GET", server+found.Job.URL+"?wait=30", nil)
	}
	return found, err
}

func run(server, name string, asJob bool) error {
	image, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var found *answer
	if asJob {
		found, err = recognizeAsJob(server, image)
	} else {
		found, err = ask("POST", server+"/ocr", image)
	}
	if err != nil {
		return err
	}
	for _, each := range found.Data.Lines {
		fmt.Printf("%.4f %s\n", each.Confidence, each.Text)
	}
	return nil
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: go run recognize.go http://127.0.0.1:8888 IMAGE [job]")
		os.Exit(2)
	}
	asJob := len(os.Args) > 3 && os.Args[3] == "job"
	if err := run(os.Args[1], os.Args[2], asJob); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
