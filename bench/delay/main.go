// A TCP proxy on loopback that holds back what clients send, so that every request reaches the server late by a fixed
// time. Answers go the other way untouched: Go's io.Copy moves them between the sockets inside the kernel (splice), so
// that the proxy hardly costs the machine anything. What a client sees is one round trip of that length per request.
//
//	delay -to 127.0.0.1:8080 -by 25ms        prints the port it listens on
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

type piece struct {
	due   time.Time
	bytes []byte
}

func main() {
	to := flag.String("to", "", "address of the server")
	by := flag.Duration("by", 0, "how late requests arrive")
	flag.Parse()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		go serve(client.(*net.TCPConn), *to, *by)
	}
}

func serve(client *net.TCPConn, to string, by time.Duration) {
	defer client.Close()
	connection, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	server := connection.(*net.TCPConn)
	defer server.Close()
	go late(server, client, by)
	io.Copy(client, server)
}

// late passes on what arrives, each piece `by` after it came; any number of pieces can be under way.
func late(server, client *net.TCPConn, by time.Duration) {
	pieces := make(chan piece, 256)
	go func() {
		defer close(pieces)
		for {
			buffer := make([]byte, 4096)
			size, err := client.Read(buffer)
			if err != nil {
				return
			}
			pieces <- piece{time.Now().Add(by), buffer[:size]}
		}
	}()
	for piece := range pieces {
		time.Sleep(time.Until(piece.due))
		if _, err := server.Write(piece.bytes); err != nil {
			break
		}
	}
	server.CloseWrite()
}
